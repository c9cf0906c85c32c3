"""Lets tools that look for this file find the settings in setup.cfg."""

from setuptools import setup

setup()
