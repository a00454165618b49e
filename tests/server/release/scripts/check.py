"""What the server uses to build its index; the folder is no package, as in the real releases."""


def split(page):
    return page.split("\n\n")
