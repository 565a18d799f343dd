"""Tune a training loop of your own, here one of PyTorch on handwritten digits: which learning rate, width, dropout and batch size?

The data is scikit-learn's: 1,797 images of 8 x 8 pixels (UCI ML hand-written digits, CC BY 4.0). Trials run in processes of their own, one
a core. Hyperband begins many of them and lets the best third of each round go on, up to 27 epochs, each from its own checkpoint.
"""

import time

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

import osetra

SPACE = {
    "learning_rate": osetra.log(1e-4, 1e-1),
    "units": osetra.powers_of_two(16, 256),
    "dropout": osetra.linear(0.0, 0.6),
    "batch_size": osetra.powers_of_two(16, 256),
}


def objective(trial):
    """Train on, report the share of dev rows that are right after every epoch, stop when told to."""
    torch.manual_seed(trial.seed)
    X, X_dev, y, y_dev = digits()
    units = trial.params["units"]
    network = nn.Sequential(nn.Linear(64, units), nn.ReLU(), nn.Dropout(trial.params["dropout"]), nn.Linear(units, 10))
    optimizer = torch.optim.Adam(network.parameters(), lr=trial.params["learning_rate"])
    checkpoint = trial.folder / "checkpoint.pt"
    if trial.start:
        kept = torch.load(checkpoint)
        network.load_state_dict(kept["network"])
        optimizer.load_state_dict(kept["optimizer"])

    for epoch in range(trial.start + 1, trial.epochs + 1):
        network.train()
        for rows in torch.randperm(len(X)).split(trial.params["batch_size"]):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(X[rows]), y[rows]).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            accuracy = (network(X_dev).argmax(1) == y_dev).float().mean()
        torch.save({"network": network.state_dict(), "optimizer": optimizer.state_dict()}, checkpoint)
        if not trial.report(accuracy, epoch):
            return


def digits():
    """Training and dev rows: inputs float32 [rows, 64] of 0 to 1, labels int64 [rows]."""
    X, y = load_digits(return_X_y=True)
    X, X_dev, y, y_dev = train_test_split(X / 16.0, y, test_size=0.3, random_state=0, stratify=y)
    return torch.tensor(X).float(), torch.tensor(X_dev).float(), torch.tensor(y), torch.tensor(y_dev)


def main() -> None:
    """Tune, then say what was best."""
    began = time.monotonic()
    study = osetra.optimize(objective, SPACE, epochs=270, epochs_per_trial=27, direction="maximize", strategy="random+hyperband")
    best = study.best
    print(f"{len(study.trials())} trials, {study.facts['epochs']} epochs in {time.monotonic() - began:.0f} s")
    print(f"best dev accuracy {best.value:.1%} after epoch {best.best_epoch}, with {dict(best.params)}")


if __name__ == "__main__":
    main()
