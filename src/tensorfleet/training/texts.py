"""Texts in a table as numbers of words and parts of words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from tensorfleet.errors import DataInvalid, InvalidInput

if TYPE_CHECKING:
    import polars as pl

    from tensorfleet.training.algorithms.bert import BertParams

    Array = np.ndarray[Any, Any]

PAD, UNKNOWN, BEGIN, END, MASK = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"
_FILES = ("config.json", "tokenizer.json", "model.safetensors")


class Tokens(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Rows as sequences of tokens: int64 [rows, length], 0 behind the end of each.

    The columns of texts are joined in their order.  The vocabulary is learned from the training rows (byte pairs: no text is
    without tokens), or comes with a pretrained network.

    Args:
        vocabulary: its most tokens.
        length: the most tokens of a row; longer rows are cut.
        tokenizer: a tokenizer as JSON, as the Hugging Face library `tokenizers` writes it; None to learn one.
    """

    def __init__(self, vocabulary: int = 8000, length: int = 128, tokenizer: str | None = None) -> None:
        self.vocabulary = vocabulary
        self.length = length
        self.tokenizer = tokenizer

    def fit(self, X: pl.DataFrame, y: Any = None) -> Tokens:
        import polars as pl

        self.columns_ = [column.name for column in X.iter_columns() if column.dtype == pl.String]
        if not self.columns_:
            raise DataInvalid("no column holds texts to learn from")
        self.tokenizer_ = self.tokenizer or _learned(self._texts(X), self.vocabulary)
        return self

    def transform(self, X: pl.DataFrame) -> Array:
        tokenizer = _tokenizers().Tokenizer.from_str(self.tokenizer_)
        tokenizer.enable_truncation(self.length)
        tokenizer.no_padding()
        found = np.zeros((X.height, self.length), dtype=np.int64)
        for row, encoded in enumerate(tokenizer.encode_batch(self._texts(X))):
            found[row, : len(encoded.ids)] = encoded.ids
        # Most texts are shorter than the most that is allowed; nothing is computed for the rest of it.
        longest = max(1, int((found != 0).sum(axis=1).max(initial=1)))
        return found[:, :longest]

    @property
    def tokens(self) -> int:
        """How many different tokens there are."""
        return int(_tokenizers().Tokenizer.from_str(self.tokenizer_).get_vocab_size())

    def _texts(self, X: pl.DataFrame) -> list[str]:
        import polars as pl

        joined = X.select(pl.concat_str(pl.col(self.columns_).fill_null(""), separator="\n"))
        return joined.to_series().to_list()


def _learned(texts: list[str], vocabulary: int) -> str:
    library = _tokenizers()
    # Byte pairs, not BERT's WordPiece: that one's trainer numbers its tokens in the order of a hash table, each time another.
    tokenizer = library.Tokenizer(library.models.BPE(unk_token=UNKNOWN))
    tokenizer.normalizer = library.normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=True)
    trainer = library.trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, UNKNOWN, BEGIN, END, MASK],
        initial_alphabet=library.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    ends = [(token, tokenizer.token_to_id(token)) for token in (BEGIN, END)]
    tokenizer.post_processor = library.processors.TemplateProcessing(
        single=f"{BEGIN} $A {END}", special_tokens=ends
    )
    # The library writes the vocabulary in the order of a hash table: sorted, equal texts give equal files.
    described = json.loads(tokenizer.to_str())
    described["model"]["vocab"] = dict(sorted(described["model"]["vocab"].items(), key=lambda item: item[1]))
    return json.dumps(described)


def _tokenizers() -> Any:
    try:
        import tokenizers  # type: ignore[import-untyped,unused-ignore]
    except ImportError as error:
        raise InvalidInput(
            "networks for texts need packages that this worker has not: pip install 'tensorfleet[text]'"
        ) from error
    return tokenizers


class Pretrained:
    """A folder with a BERT that somebody has trained: config.json, tokenizer.json, model.safetensors.

    Args:
        name: a local folder, or a model's name at the hub, which is asked where there is a network.

    Raises:
        InvalidInput: it is not there, not a BERT, or its tokens are not in tokenizer.json.
    """

    def __init__(self, name: str) -> None:
        self.folder = Path(name) if Path(name).is_dir() else _from_hub(name)
        missing = [file for file in _FILES if not (self.folder / file).is_file()]
        if missing:
            raise InvalidInput(f"hyperparameters.pretrained: {name} has no {', '.join(missing)}")
        self.config: dict[str, Any] = json.loads((self.folder / "config.json").read_text())
        if self.config.get("model_type") != "bert":
            raise InvalidInput(
                f"hyperparameters.pretrained: {name} is of type {self.config.get('model_type')}, not bert"
            )
        self.tokenizer = (self.folder / "tokenizer.json").read_text()

    def shape(self) -> dict[str, Any]:
        """The arguments of `networks.bert` that the pretrained network decides."""
        config = self.config
        return {
            "vocabulary": config["vocab_size"],
            "layers": config["num_hidden_layers"],
            "width": config["hidden_size"],
            "heads": config["num_attention_heads"],
            "inner": config["intermediate_size"],
            "positions": config["max_position_embeddings"],
        }

    def load_into(self, network: Any) -> None:
        """Takes over all weights but those of the classifier, which is new."""
        import safetensors.torch

        weights = safetensors.torch.load_file(self.folder / "model.safetensors")
        body = {
            f"inner.{name if name.startswith('bert.') else f'bert.{name}'}": tensor
            for name, tensor in weights.items()
            if not name.startswith(("classifier.", "cls."))
        }
        missing, _ = network.load_state_dict(body, strict=False)
        lost = [name for name in missing if "classifier" not in name and "pooler" not in name]
        if lost:
            raise InvalidInput(f"the pretrained network has no weights for {', '.join(lost[:3])}")


def _from_hub(name: str) -> Path:
    try:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(name, allow_patterns=list(_FILES)))
    except Exception as error:  # its errors have no common class: no network, no such name, no access
        reason = str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__
        raise InvalidInput(
            f"hyperparameters.pretrained: '{name}' is no folder on this worker, and the hub did not give it: {reason}"
        ) from error


def tokens_for(params: BertParams) -> tuple[Tokens, Pretrained | None]:
    """The unfitted transformer for these hyperparameters, and the network to begin with, if one is named."""
    if params.pretrained is None:
        return Tokens(params.vocabulary, params.length), None
    pretrained = Pretrained(params.pretrained)
    length = min(params.length, int(pretrained.config["max_position_embeddings"]))
    return Tokens(params.vocabulary, length, pretrained.tokenizer), pretrained
