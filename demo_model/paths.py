"""Where the programs leave what they make."""

from pathlib import Path

BUILD = Path(__file__).parent / "build"
TOKENIZER = BUILD / "tokenizer.json"
WEIGHTS = BUILD / "weights.pt"
MODEL_FILE = BUILD / "antiphon-demo.gguf"
