"""What keeps a program from starting: for operators; callers never see it."""


class SettingsError(Exception):
    """The settings don't hold together: one line per problem."""


class WeightsError(Exception):
    """A model file is missing or is not the one that its digest names."""
