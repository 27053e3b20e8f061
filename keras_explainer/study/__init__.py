"""Which of two explainers do people prefer? A page that asks, and what comes of it."""
