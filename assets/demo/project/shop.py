"""The smallest shop that sells something."""


def total(prices):
    return sum(prices)


if __name__ == "__main__":
    print(total([5, 12]))
