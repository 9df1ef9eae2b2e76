"""`face-api maintenance`: what beat has done regularly, done now."""

import click

from core import config, services
from core import maintenance as work


@click.group()
def maintenance() -> None:
    """Keep the store and the database in order."""


@maintenance.command()
def run() -> None:
    """Do everything once, and report it."""
    made = services.build(config.load())
    click.echo(f"changes added to the totals       {work.fold_tallies(made)}")
    click.echo(f"pictures of batches taken back    {work.reap_batches(made)}")
    click.echo(f"pictures found for batches        {work.import_prefixes(made)}")
    click.echo(f"images past their retention       {work.expire_images(made)}")
    differences = work.compare(made)
    click.echo(f"objects without a row             {differences.orphans}")
    click.echo(f"rows without an object            {differences.missing}")
    click.echo(f"results that could not be kept    {made.engine.unsaved_results()}")
    cleaned = work.clean_storage(made)
    click.echo(f"objects removed                   {cleaned.removed}")
    click.echo(f"objects that wait to be removed   {cleaned.waiting}")
