"""Every table, as SQLAlchemy models. Guards, policies and views are SQL in the migrations."""

from db.models.access import Account, ApiToken, LoginSession, SavedFilter
from db.models.ground import Block, Footprint, Road, RoadEdge, Water
from db.models.incidents import (
    Appeal,
    Assignment,
    Department,
    ExtensionRequest,
    Incident,
    IncidentClass,
    IncidentStep,
    LifecycleTransition,
    Recommendation,
)
from db.models.intake import AlarmType, DeviceAlarm, Need, Visit
from db.models.photos import Photo
from db.models.places import Building, Device, Household, Organisation, Place
from db.models.record import CalendarDay, Record, ReportedFigure, StageLimit, WorkSpell
from db.models.territory import Deployment, Grid
from db.models.workers import DispatchPolicy, Responder, RunCard, Skill, TrackPoint, Worker

__all__ = [
    "Account",
    "AlarmType",
    "ApiToken",
    "Appeal",
    "Assignment",
    "Block",
    "Building",
    "CalendarDay",
    "Department",
    "Deployment",
    "Device",
    "DeviceAlarm",
    "DispatchPolicy",
    "ExtensionRequest",
    "Footprint",
    "Grid",
    "Household",
    "Incident",
    "IncidentClass",
    "IncidentStep",
    "LifecycleTransition",
    "LoginSession",
    "Need",
    "Organisation",
    "Photo",
    "Place",
    "Recommendation",
    "Record",
    "ReportedFigure",
    "Responder",
    "Road",
    "RoadEdge",
    "RunCard",
    "SavedFilter",
    "Skill",
    "StageLimit",
    "TrackPoint",
    "Visit",
    "Water",
    "WorkSpell",
    "Worker",
]
