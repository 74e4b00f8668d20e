"""What the system tests stand on: real processes on loopback, and events to wait for."""
