"""One module a kind of source; each opens a `Table` and turns the kind's own failures into a `ListError`."""
