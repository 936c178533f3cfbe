"""What somebody who is not looking must be told: state as metrics, rules over them, alerts, runbooks."""
