"""How the official surface moves: two surfaces compared, the newest watched, the code mapped to the pin."""
