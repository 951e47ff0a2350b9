"""A script that prepares its pictures while it trains: `profile: true` shows what that costs."""

import torch
from torch.utils.data import DataLoader, Dataset

from tensorfleet import train


class Pictures(Dataset):
    """Noise that is blurred many times over each time it is asked for, as an expensive augmentation would."""

    def __len__(self) -> int:
        return 640

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        generator = torch.Generator().manual_seed(index)
        picture = torch.rand(1, 64, 64, generator=generator)
        for _ in range(12):
            picture = torch.nn.functional.avg_pool2d(picture, 3, stride=1, padding=1)
        return picture, index % 10


model = torch.nn.Sequential(
    torch.nn.Conv2d(1, 8, 3),
    torch.nn.ReLU(),
    torch.nn.AdaptiveAvgPool2d(4),
    torch.nn.Flatten(),
    torch.nn.Linear(128, 10),
)
optimizer = torch.optim.AdamW(model.parameters())
loader = DataLoader(Pictures(), batch_size=16, num_workers=train.params().get("num_workers", 0))
for step, (pictures, labels) in enumerate(loader):
    optimizer.zero_grad()
    loss = torch.nn.functional.cross_entropy(model(pictures), labels)
    loss.backward()
    optimizer.step()
    train.step(rows=len(labels))
    train.report(step=step, loss=loss)
