"""Trains one of train's MNIST networks with PyTorch's backpropagation: python torch_run.py fc|conv EPOCHS SEED FOLDER

FOLDER holds MNIST's four .gz files. Images, split, network, optimizer and batch are those of
./bin/train -model bp, in the shortest form that a user of PyTorch would write: tensors in memory, no DataLoader, one thread.
runs_an_hour.sh compares the time.
"""
import gzip
import sys

import numpy
import torch
import torch.nn as nn
import torch.nn.functional as F


def read(folder, part):
    def values(name, head):
        return torch.from_numpy(numpy.frombuffer(gzip.open(f"{folder}/{part}-{name}-ubyte.gz").read(), numpy.uint8, offset=head).copy())
    return values("images-idx3", 16).view(-1, 1, 28, 28), values("labels-idx1", 8).long()


def accuracy(net, images, labels):
    with torch.no_grad():
        right = [(net(x.float() / 255).argmax(1) == y).sum() for x, y in zip(images.split(512), labels.split(512))]
    return (sum(right) / len(labels)).item()


kind, epochs, seed, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
torch.set_num_threads(1)
torch.manual_seed(seed)
images, labels = read(folder, "train")
order = torch.randperm(len(labels))
valid, train = order[:9000], order[9000:]
if kind == "fc":
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 200), nn.Tanh(), nn.Linear(200, 200), nn.Tanh(), nn.Linear(200, 10))
else:
    net = nn.Sequential(nn.Conv2d(1, 96, 5, 2), nn.Tanh(), nn.Conv2d(96, 96, 3, 2), nn.Tanh(), nn.Conv2d(96, 96, 3), nn.Tanh(),
                        nn.Flatten(), nn.Linear(96 * 3 * 3, 10))
optimizer = torch.optim.RMSprop(net.parameters(), lr=1e-4, alpha=0.9)
for epoch in range(epochs):
    for batch in train[torch.randperm(len(train))].split(64):
        if len(batch) == 64:
            optimizer.zero_grad()
            F.cross_entropy(net(images[batch].float() / 255), labels[batch]).backward()
            optimizer.step()
    print(f"epoch {epoch + 1}  valid {accuracy(net, images[valid], labels[valid]):.4f}", flush=True)
print(f"test {accuracy(net, *read(folder, 't10k')):.4f}")
