"""All faults, in the order in which they are told."""

from __future__ import annotations

from tests.conformance.mutants import (
    faults_answer,
    faults_model,
    faults_object,
    faults_request,
    faults_state,
    faults_stream,
)
from tests.conformance.mutants.exchange import Fault

FAULTS: tuple[Fault, ...] = (
    *faults_stream.FAULTS,
    *faults_object.FAULTS,
    *faults_state.FAULTS,
    *faults_request.FAULTS,
    *faults_model.FAULTS,
    *faults_answer.FAULTS,
)
