"""`face-api maintenance`: run the periodic maintenance now, or the worker that does it regularly."""

import os

import click

from admin.worker import maintenance_command, warn_of_root
from core import config


@click.group()
def maintenance() -> None:
    """Maintain the storage and the database."""


@maintenance.command()
def worker() -> None:
    """Run the worker of maintenance; of several, one works at a time."""
    config.load()  # reports invalid settings without a traceback
    warn_of_root()
    argv = maintenance_command()
    os.execv(argv[0], argv)


@maintenance.command()
def run() -> None:
    """Run all maintenance tasks but the delivery of webhooks once, and print a report."""
    from admin import actors
    from core import maintenance as work
    from core import services

    actors.act_as_user()
    built = services.build(config.load())
    click.echo(f"changes added to the totals       {work.fold_tallies(built)}")
    click.echo(f"expired leases of batch items     {work.reap_batches(built)}")
    click.echo(f"expired leases of video steps     {work.reap_videos(built)}")
    click.echo(f"pictures imported for batches     {work.import_prefixes(built)}")
    click.echo(f"images past their retention       {work.expire_images(built)}")
    click.echo(f"batches, deliveries past theirs   {work.expire_batches(built)}")
    click.echo(f"videos past their retention       {work.expire_videos(built)}")
    click.echo(f"objects of abandoned uploads      {work.expire_uploads(built)}")
    click.echo(f"items of deleted batches removed  {work.remove_batches(built)}")
    differences = work.compare(built)
    click.echo(f"objects without a row             {differences.orphans}")
    click.echo(f"rows without an object            {differences.missing}")
    click.echo(f"results that could not be stored  {built.engine.unsaved_results()}")
    cleaned = work.clean_storage(built)
    click.echo(f"objects removed                   {cleaned.removed}")
    click.echo(f"objects waiting to be removed     {cleaned.waiting}")
