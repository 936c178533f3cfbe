"""The stages that act, as thin operators."""
