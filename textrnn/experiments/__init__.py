"""Runs told apart: tuning, comparing, plotting, and what to try next."""
