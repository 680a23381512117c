"""What happens to the store over time: as it grows, and as its rows come and go."""
