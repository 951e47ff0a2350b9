"""The networks that are built in, from plain numbers: what a model file states of its network is enough to build it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


def build_network(network: str = "mlp", **config: Any) -> nn.Module:
    """A network with random weights.

    Args:
        network: a name in BUILDERS.
        config: the arguments of its builder; the pictures' networks take [rows, channels, size, size] of bytes.

    Raises:
        KeyError, TypeError: there is no such network, or it takes other arguments.
    """
    return BUILDERS[network](**config)


def mlp(inputs: int, hidden: list[int], outputs: int, dropout: float) -> nn.Module:
    """Linear layers with ReLU, and dropout where wanted, between them."""
    from torch import nn

    layers: list[nn.Module] = []
    width = inputs
    for size in hidden:
        layers += [nn.Linear(width, size), nn.ReLU()]
        if dropout:
            layers.append(nn.Dropout(dropout))
        width = size
    return nn.Sequential(*layers, nn.Linear(width, outputs))


def cnn(channels: int, size: int, widths: list[int], outputs: int, dropout: float) -> nn.Module:
    """Stages of two 3x3 convolutions, each at half the resolution of the one before, and the mean over the picture."""
    from torch import nn

    layers: list[nn.Module] = [_pixels(channels)]
    for number, width in enumerate(widths):
        before = widths[number - 1] if number else channels
        layers += [_convolution(before, width, stride=2 if number else 1), nn.ReLU()]
        layers += [_convolution(width, width), nn.ReLU()]
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    if dropout:
        layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.Linear(widths[-1], outputs))


def resnet(depth: int, channels: int, size: int, outputs: int) -> nn.Module:
    """A residual network (He et al., "Deep Residual Learning for Image Recognition", 2015), depth 18 or 50.

    Pictures below 64 pixels are not halved twice before the first stage, as the paper does for CIFAR.
    """
    from torch import nn

    block, counts = (_basic, (2, 2, 2, 2)) if depth == 18 else (_bottleneck, (3, 4, 6, 3))
    layers: list[nn.Module] = [_pixels(channels)]
    if size < 64:
        layers += [_convolution(channels, 64), nn.ReLU()]
    else:
        layers += [_convolution(channels, 64, kernel=7, stride=2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    width = 64
    for stage, count in enumerate(counts):
        for number in range(count):
            inner = 64 * 2**stage
            stride = 2 if stage and not number else 1
            made, width = block(width, inner, stride)
            layers.append(made)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, outputs))


def bert(
    vocabulary: int,
    positions: int,
    outputs: int,
    layers: int,
    width: int,
    heads: int,
    dropout: float,
    inner: int | None = None,
) -> nn.Module:
    """BERT with a classifier (Devlin et al., "BERT", 2018), Transformers' own; it takes tokens [rows, length], 0 for none."""
    from torch import Tensor, arange, nn, zeros_like
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=vocabulary,
        max_position_embeddings=positions,
        num_labels=outputs,  # type: ignore[call-arg]  # a field of its base class
        num_hidden_layers=layers,
        hidden_size=width,
        num_attention_heads=heads,
        intermediate_size=inner or 4 * width,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )

    class Bert(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = BertForSequenceClassification(config)

        def forward(self, x: Tensor) -> Tensor:
            places = arange(x.shape[1], device=x.device).expand_as(x)
            found = self.inner(
                x, attention_mask=(x != 0).long(), token_type_ids=zeros_like(x), position_ids=places
            )
            logits: Tensor = found.logits
            return logits

    return Bert()


BUILDERS: dict[str, Callable[..., nn.Module]] = {
    "mlp": mlp,
    "cnn": cnn,
    "resnet18": lambda **config: resnet(18, **config),
    "resnet50": lambda **config: resnet(50, **config),
    "bert": bert,
}


def _basic(inputs: int, width: int, stride: int) -> tuple[nn.Module, int]:
    from torch import nn

    way = nn.Sequential(
        _convolution(inputs, width, stride=stride), nn.ReLU(), _convolution(width, width, last=True)
    )
    return _residual(way, inputs, width, stride), width


def _bottleneck(inputs: int, width: int, stride: int) -> tuple[nn.Module, int]:
    from torch import nn

    way = nn.Sequential(
        _convolution(inputs, width, kernel=1),
        nn.ReLU(),
        _convolution(width, width, stride=stride),
        nn.ReLU(),
        _convolution(width, 4 * width, kernel=1, last=True),
    )
    return _residual(way, inputs, 4 * width, stride), 4 * width


def _residual(way: nn.Module, inputs: int, outputs: int, stride: int) -> nn.Module:
    from torch import Tensor, nn

    class Residual(nn.Module):
        """The input, brought to the shape of the output, and what the block adds to it."""

        def __init__(self) -> None:
            super().__init__()
            self.way = way
            same = inputs == outputs and stride == 1
            self.short = nn.Identity() if same else _convolution(inputs, outputs, kernel=1, stride=stride)

        def forward(self, x: Tensor) -> Tensor:
            added: Tensor = self.way(x) + self.short(x)
            return added.relu()

    return Residual()


def _convolution(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1, *, last: bool = False
) -> nn.Module:
    """A convolution that keeps the resolution (or divides it by the stride), normalised over the batch.

    The last one of a residual block begins at 0: the block then is the identity, which trains better.
    """
    from torch import nn

    norm = nn.BatchNorm2d(outputs)
    if last:
        nn.init.zeros_(norm.weight)
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), norm)


def _pixels(channels: int) -> nn.Module:
    from torch import Tensor, nn

    class Pixels(nn.Module):
        """Bytes [rows, channels, size, size] as numbers of about mean 0 and variance 1."""

        def forward(self, x: Tensor) -> Tensor:
            return (x.float() - 127.5) / 64.0

    return Pixels()
