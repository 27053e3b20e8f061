"""How explainers are trained: the loop, the step and what it draws."""
