"""HTTP in: for now what an operator's probes ask."""
