"""What was said: a short dialogue for each kind of ending, spread over the seconds the call lasted."""

from __future__ import annotations

from dataclasses import dataclass

GREETING = ("bot", "Здравствуйте! Это виртуальный помощник. Вам удобно говорить?")
FAREWELL = ("bot", "Спасибо за разговор, всего доброго!")

SCRIPTS: dict[str | None, tuple[tuple[str, str], ...]] = {
    "agreed": (
        GREETING,
        ("client", "Да, слушаю вас."),
        ("bot", "Подтверждаете, что предложение вам подходит?"),
        ("client", "Да, подтверждаю, всё подходит."),
        ("bot", "Отлично, я всё записал."),
        FAREWELL,
    ),
    "refused": (
        GREETING,
        ("client", "Ну давайте, только быстро."),
        ("bot", "Подтверждаете, что предложение вам подходит?"),
        ("client", "Нет, спасибо, мне это не нужно."),
        FAREWELL,
    ),
    "callback": (
        GREETING,
        ("client", "Сейчас неудобно, я за рулём. Перезвоните попозже."),
        ("bot", "Хорошо, перезвоним позже. До свидания!"),
    ),
    "opt_out": (
        GREETING,
        ("client", "Больше не звоните мне на этот номер."),
        ("bot", "Понял вас, больше звонить не будем. Извините за беспокойство."),
    ),
    "wrong_party": (
        GREETING,
        ("client", "Вы ошиблись, такого здесь нет."),
        ("bot", "Извините за беспокойство. До свидания!"),
    ),
    None: (GREETING, ("client", "Алло?")),
}
MACHINE = (("client", "Абонент не может ответить на ваш звонок. Оставьте сообщение после сигнала."),)


@dataclass(frozen=True, slots=True)
class Utterance:
    """One turn; `role` is bot or client, seconds count from the answer."""

    role: str
    text: str
    start: float
    end: float


def turns(result: str | None, talk: float, machine: bool) -> tuple[Utterance, ...]:
    """The dialogue of a call that lasted `talk` seconds: each turn as long as its text is, in proportion."""
    lines = MACHINE if machine else SCRIPTS[result]
    total = sum(len(text) for _, text in lines)
    said, passed = [], 0
    for role, text in lines:
        start, passed = passed, passed + len(text)
        said.append(Utterance(role, text, round(talk * start / total, 1), round(talk * passed / total, 1)))
    return tuple(said)
