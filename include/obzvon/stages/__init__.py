"""The way through the house: plan, launch, wait, collect, deliver, audit."""
