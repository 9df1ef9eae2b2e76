"""What operators see of a running process: its log lines."""
