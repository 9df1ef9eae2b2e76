"""What crosses borders: options in, reports out, the states that both speak of."""
