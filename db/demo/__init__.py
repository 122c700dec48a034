"""The demo county: a generated town with its grids, people, places and half a year of incidents. 演示数据."""
