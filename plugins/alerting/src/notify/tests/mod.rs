//! Notifications from an alert to a receiver that speaks the real protocol, and misbehaves when it is told to. Time is an argument.

mod channels;
mod delivery;
mod mail;
mod mutes;
mod office;
mod receiver;
mod routes;
mod routing;
mod smtp;
