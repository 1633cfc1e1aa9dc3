//! What the hub promises, with its real records, its real router, and no mocks.

mod audit;
mod bad_days;
mod keys;
mod licence;
mod oidc;
mod people;
mod provider;
mod routes;
mod scim;
mod server;
mod sessions;
mod tenants;
