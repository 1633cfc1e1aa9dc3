-- A role that is no superuser, and a database of its own. Runs once, when the volume is empty.
\getenv password DATABASE_PASSWORD
CREATE ROLE observatory LOGIN PASSWORD :'password';
CREATE DATABASE observatory OWNER observatory;
\connect observatory
CREATE EXTENSION IF NOT EXISTS timescaledb;
