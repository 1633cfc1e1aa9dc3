//! In this process and in Redis: what is promised holds in both.

use hub::redis::{Config, Redis, Url};
use testkit::{RedisServer, Remembers};

/// Where values and events go.
pub(crate) struct Place {
    pub(crate) name: &'static str,
    pub(crate) server: Option<RedisServer>,
    pub(crate) redis: Option<Redis>,
}

impl Place {
    pub(crate) fn process() -> Self {
        Self { name: "in process", server: None, redis: None }
    }

    pub(crate) fn redis(server: RedisServer) -> Self {
        let redis = Some(connect(&server));
        Self { name: "in Redis", server: Some(server), redis }
    }
}

/// Both, or only this process where Redis is not installed.
pub(crate) async fn places() -> Vec<Place> {
    let mut places = vec![Place::process()];
    match RedisServer::start(Remembers::Everything).await {
        Ok(server) => places.push(Place::redis(server)),
        Err(skip) => skip.tell(),
    }
    places
}

pub(crate) fn connect(server: &RedisServer) -> Redis {
    let config = Config { url: Some(Url::new(server.url())), ..Config::default() };
    config.check().expect("valid settings");
    Redis::new(&Url::new(server.url()), &config).expect("a valid address")
}
