"""Train the network on dialogues that are made while it learns. CPU is enough; `--device cuda` works too."""

from __future__ import annotations

import argparse
import time
from collections import Counter

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from demo_model.batches import IGNORED, Batch, Rows
from demo_model.network import SHAPE, Network
from demo_model.paths import TOKENIZER, WEIGHTS

LEARNED_SHARE = 0.46  # of a batch's positions, as a fixed number: compiled code needs fixed sizes
WARM_UP_STEPS = 60
COOL_DOWN_SHARE = 0.32  # of the steps, at the end, with a falling rate
MATRIX_RATE = 0.02
OTHER_RATE = 0.004


class Muon(torch.optim.Optimizer):
    """Momentum made orthogonal (Jordan, 2024), for matrices: on this task far quicker than AdamW alone."""

    def __init__(self, parameters: list[nn.Parameter], lr: float) -> None:
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group["lr"])

    def _update(self, parameter: Tensor, rate: float) -> None:
        assert parameter.grad is not None
        momentum = self.state[parameter].setdefault("momentum", torch.zeros_like(parameter))
        momentum.lerp_(parameter.grad, 0.05)
        direction = orthogonal(parameter.grad.lerp(momentum, 0.95))
        rows, columns = parameter.shape
        parameter.mul_(1 - rate * 0.01).add_(direction, alpha=-rate * max(1, rows / columns) ** 0.5)


def orthogonal(matrix: Tensor) -> Tensor:
    """Nearly the closest orthogonal matrix, by five Newton–Schulz steps with Muon's coefficients."""
    x = matrix / (matrix.norm() + 1e-7)
    tall = x.size(0) > x.size(1)
    x = x.T if tall else x
    for _ in range(5):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return x.T if tall else x


class Training:
    def __init__(self, options: argparse.Namespace) -> None:
        torch.set_num_threads(options.threads)
        torch.manual_seed(options.seed)
        self.options = options
        self.network = Network(SHAPE).to(options.device)
        matrices = [p for name, p in self.network.named_parameters() if p.ndim == 2 and "embed" not in name]
        chosen = {id(parameter) for parameter in matrices}
        self.others = [p for p in self.network.parameters() if id(p) not in chosen]
        self.muon = Muon(matrices, MATRIX_RATE)
        self.adam = torch.optim.AdamW(self.others, OTHER_RATE, betas=(0.9, 0.98), weight_decay=0.0)
        self.tokenizer = Tokenizer.from_file(str(TOKENIZER))
        self.rows = Rows(self.tokenizer, "train", options.row, options.seed)
        self.loss = torch.compile(self._loss) if options.compile else self._loss

    def run(self) -> None:
        steps, started, losses = self.options.steps, time.monotonic(), [0.0]
        for step in range(steps):
            losses.append(self._step(step / steps, step))
            if (step + 1) % 50 == 0 or step + 1 == steps:
                recent = losses[-50:]
                minutes = (time.monotonic() - started) / 60
                print(f"step {step + 1} loss {sum(recent) / len(recent):.4f} {minutes:.1f} min", flush=True)
            if (step + 1) % 500 == 0 or step + 1 == steps:
                torch.save(self.network.state_dict(), WEIGHTS)
                print(self.evaluate(), flush=True)

    def _step(self, done: float, step: int) -> float:
        """`done` is the share of the steps that lie behind."""
        rate = min(1, (step + 1) / WARM_UP_STEPS) * min(1, max(0.01, (1 - done) / COOL_DOWN_SHARE))
        for optimizer, full in ((self.muon, MATRIX_RATE), (self.adam, OTHER_RATE)):
            for group in optimizer.param_groups:
                group["lr"] = full * rate
        batch = self.rows.batch(self.options.batch, 0.15 if done < 0.35 else 0.03)
        loss = self.loss(*self._inputs(batch))
        loss.backward()
        nn.utils.clip_grad_norm_(self.others, 1.0)
        for optimizer in (self.muon, self.adam):
            optimizer.step()
            optimizer.zero_grad()
        return loss.item()

    def _inputs(self, batch: Batch) -> list[Tensor]:
        """Tokens, mask, and a fixed number of positions with what follows there."""
        targets = batch.targets.view(-1)
        size = int(targets.numel() * LEARNED_SHARE)
        learned = (targets != IGNORED).nonzero().view(-1)
        learned = learned[torch.randperm(len(learned))[:size]]
        positions = torch.zeros(size, dtype=torch.long)
        positions[: len(learned)] = learned
        following = torch.full((size,), IGNORED)
        following[: len(learned)] = targets[learned]
        return [x.to(self.options.device) for x in (batch.tokens, batch.mask, positions, following)]

    def _loss(self, tokens: Tensor, mask: Tensor, positions: Tensor, following: Tensor) -> Tensor:
        hidden = self.network(tokens, mask).reshape(-1, SHAPE.width)[positions]
        return functional.cross_entropy(self.network.logits(hidden), following, ignore_index=IGNORED)

    @torch.no_grad()
    def evaluate(self, dialogues: int = 400) -> str:
        """Test dialogues whose every learned token is the likeliest one after the right ones, by task."""
        right, seen = Counter[str](), Counter[str]()
        rows = Rows(self.tokenizer, "test", self.options.row, 7)
        while seen.total() < dialogues:
            batch = rows.batch(self.options.batch, 0.0)
            device = self.options.device
            logits = self.network.logits(self.network(batch.tokens.to(device), batch.mask.to(device)))
            hit = (logits.argmax(-1).cpu() == batch.targets) | (batch.targets == IGNORED)
            for index, row in enumerate(batch.rows):
                for task, start, end in row.spans:
                    seen[task] += 1
                    right[task] += bool(hit[index, start:end].all())
        parts = [f"{task} {right[task]}/{seen[task]}" for task in sorted(seen)]
        return f"test {right.total()}/{seen.total()}: " + ", ".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2750)
    parser.add_argument("--batch", type=int, default=24, help="rows of a step")
    parser.add_argument("--row", type=int, default=384, help="tokens of a row")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--compile", action="store_true", help="with torch.compile, which needs a C++ compiler"
    )
    Training(parser.parse_args()).run()


if __name__ == "__main__":
    main()
