"""Who works in one run of a lane, put together once."""

import msgspec

from daemon.outbound.converging import Converger
from daemon.outbound.departures import Departures
from daemon.outbound.emitting import Emitter
from daemon.outbound.event_landing import EventLanding
from daemon.outbound.folding import Folder
from daemon.outbound.landing import Landing
from daemon.outbound.parts import LaneParts
from daemon.outbound.permits import Permits
from daemon.outbound.proofs import Proofs
from daemon.outbound.residents import Residents
from daemon.outbound.runway import Runway
from daemon.outbound.start import Start
from daemon.outbound.waitroom import WaitRoom


class Crew(msgspec.Struct, frozen=True):
    """They share what is in memory of the lane's users."""

    residents: Residents
    converger: Converger
    emitter: Emitter
    proofs: Proofs
    folder: Folder
    waitroom: WaitRoom
    departures: Departures
    permits: Permits
    runway: Runway


def assemble(parts: LaneParts, state: Start) -> Crew:
    """A crew that goes on from where the store says."""
    settings, mappings, database = parts.settings, parts.mappings(), parts.database
    patience, shards = settings.patience, frozenset(parts.shards)
    residents = Residents()
    converger = Converger(mappings, longest_wait=patience.longest_wait)
    emitter = Emitter(mappings, state.emitted, window=settings.window)
    proofs = Proofs(parts.client, converger, parts.clock, patience)
    folder = Folder(
        database,
        residents,
        converger,
        shards=shards,
        bounds=settings.bounds,
        lag=patience.lag,
        max_hops=settings.max_hops,
        unproven_found=proofs.expect,
    )
    waitroom = WaitRoom(database, emitter, converger, folder, settings, shards, state.parked)
    permits = Permits(parts.budgets, patience, parts.rng, most=settings.calls_per_endpoint)
    runway = Runway(
        client=parts.client,
        permits=permits,
        converger=converger,
        emitter=emitter,
        landing=Landing(converger, patience, parts.rng),
        event_landing=EventLanding(residents, converger, emitter, waitroom, patience, parts.rng),
        proofs=proofs,
        waitroom=waitroom,
        residents=residents,
        clock=parts.clock,
        instruments=parts.instruments,
        patience=patience,
        shards=parts.shards,
    )
    return Crew(
        residents=residents,
        converger=converger,
        emitter=emitter,
        proofs=proofs,
        folder=folder,
        waitroom=waitroom,
        departures=Departures(database, folder.merging, residents, converger, emitter, waitroom),
        permits=permits,
        runway=runway,
    )
