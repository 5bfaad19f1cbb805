"""The one training loop, and what it needs: tasks, plans, schedules, checkpoints, devices."""
