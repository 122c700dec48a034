"""Every table, as SQLAlchemy models. Guards, policies and views are SQL in the migrations."""

from db.models.access import Account, ApiToken, LoginSession
from db.models.ground import Block, Road, RoadEdge, Water
from db.models.incidents import Assignment, Incident, IncidentClass, IncidentStep, LifecycleTransition, Recommendation
from db.models.intake import AlarmType, DeviceAlarm, Need, Visit
from db.models.places import Building, Device, Household, Organisation, Place
from db.models.record import CalendarDay, Record, ReportedFigure, StageLimit
from db.models.territory import Deployment, Grid
from db.models.workers import DispatchPolicy, Responder, Skill, Worker

__all__ = [
    "Account",
    "AlarmType",
    "ApiToken",
    "Assignment",
    "Block",
    "Building",
    "CalendarDay",
    "Deployment",
    "Device",
    "DeviceAlarm",
    "DispatchPolicy",
    "Grid",
    "Household",
    "Incident",
    "IncidentClass",
    "IncidentStep",
    "LifecycleTransition",
    "LoginSession",
    "Need",
    "Organisation",
    "Place",
    "Recommendation",
    "Record",
    "ReportedFigure",
    "Responder",
    "Road",
    "RoadEdge",
    "Skill",
    "StageLimit",
    "Visit",
    "Water",
    "Worker",
]
