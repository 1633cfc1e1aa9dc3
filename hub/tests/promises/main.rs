//! What the hub promises, with real records, a real router and real servers, and on bad days.

mod audit;
mod bad_days;
mod cache;
mod events;
mod keys;
mod licence;
mod oidc;
mod people;
mod place;
mod postgres;
mod provider;
mod routes;
mod scim;
mod server;
mod sessions;
mod tables;
mod tenants;
