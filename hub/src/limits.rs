//! How often: requests of one caller and of one tenant, and attempts to sign in from one address.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use model::Tenant;

use crate::access::Caller;
use crate::config::Config;
use crate::error::Error;

type Limiter<K> = RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock, StateInformationMiddleware>;

/// Counts, and says when it is enough.
#[derive(Debug)]
pub(crate) struct Limits {
    attempts: Limiter<IpAddr>,
    callers: Limiter<String>,
    tenants: Limiter<Tenant>,
}

/// What is left of a limit, for the headers `RateLimit-*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    /// Requests that are allowed at once.
    pub(crate) limit: u32,
    /// Those that are left of them now.
    pub(crate) remaining: u32,
    /// When all of them are there again.
    pub(crate) reset: Duration,
}

impl Limits {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            attempts: limiter(config.attempts_per_minute),
            callers: limiter(config.requests_per_minute),
            tenants: limiter(config.tenant_requests_per_minute),
        }
    }

    /// One more attempt to sign in. Without an address all attempts are of one.
    pub(crate) fn attempt(&self, address: Option<IpAddr>) -> Result<(), Error> {
        let network = network(address.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED)));
        take(&self.attempts, &network, "too many attempts from this address").map(drop)
    }

    /// One more request of a caller.
    pub(crate) fn request(&self, caller: &Caller, address: Option<IpAddr>) -> Result<Left, Error> {
        let own = take(&self.callers, &caller.counted_as(address), "too many requests")?;
        let tenants = take(&self.tenants, caller.home(), "too many requests of this tenant")?;
        Ok(if tenants.remaining < own.remaining { tenants } else { own })
    }

    /// One more request of somebody who is not known.
    pub(crate) fn unknown(&self, address: Option<IpAddr>) -> Result<Left, Error> {
        let network = address.map_or_else(String::new, |address| network(address).to_string());
        take(&self.callers, &network, "too many requests from this address")
    }

    /// Forgets everybody who has been quiet: the number of addresses has no limit of its own.
    pub(crate) fn tidy(&self) {
        self.attempts.retain_recent();
        self.callers.retain_recent();
        self.tenants.retain_recent();
    }
}

fn limiter<K: std::hash::Hash + Eq + Clone>(per_minute: u32) -> Limiter<K> {
    let per_minute = NonZeroU32::new(per_minute).expect("settings are checked");
    RateLimiter::keyed(Quota::per_minute(per_minute)).with_middleware()
}

fn take<K: std::hash::Hash + Eq + Clone>(limiter: &Limiter<K>, key: &K, what: &str) -> Result<Left, Error> {
    match limiter.check_key(key) {
        Ok(state) => {
            let (limit, remaining) = (state.quota().burst_size().get(), state.remaining_burst_capacity());
            Ok(Left { limit, remaining, reset: state.quota().replenish_interval() * (limit - remaining) })
        }
        Err(not_until) => {
            let retry_after = not_until.wait_time_from(limiter.clock().now());
            Err(Error::TooOften { what: what.to_owned(), retry_after })
        }
    }
}

/// What one customer of a network provider has: an address, or 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => IpAddr::V4(address),
            None => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_attempts_and_its_neighbours_in_ipv6_share_them() {
        let limits = Limits::new(&Config { attempts_per_minute: 3, ..Config::default() });
        let attempt = |address: &str| limits.attempt(Some(address.parse().expect("an address"))).is_ok();

        assert_eq!([(); 4].map(|()| attempt("192.0.2.1")), [true, true, true, false]);
        assert!(!attempt("::ffff:192.0.2.1"), "the same, written otherwise");
        assert!(attempt("192.0.2.2"));
        let neighbours = ["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4", "2001:db8:0:1::1"];
        assert_eq!(neighbours.map(attempt), [true, true, true, false, true]);
    }

    #[test]
    fn whoever_is_refused_is_told_when_to_come_again() {
        let limits = Limits::new(&Config { requests_per_minute: 2, ..Config::default() });

        let left = [(); 2].map(|()| limits.unknown(None).map(|left| (left.limit, left.remaining)).ok());
        let refused = limits.unknown(None);

        assert_eq!(left, [Some((2, 1)), Some((2, 0))]);
        let Err(Error::TooOften { retry_after, .. }) = refused else { panic!("{refused:?}") };
        assert!(retry_after > Duration::ZERO && retry_after <= Duration::from_secs(30), "{retry_after:?}");
    }
}
