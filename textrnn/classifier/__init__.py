"""Many-to-one classification: a text in, one of a few labels out, with a probability to act on."""
