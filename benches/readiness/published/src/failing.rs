//! Programs whose start fails.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use hickory_resolver::Resolver;
use hickory_resolver::config::{NameServerConfigGroup, ResolverConfig, ResolverOpts};
use hickory_resolver::name_server::TokioConnectionProvider;

use crate::{Program, block_on, fail, service};

const TIMEOUT: Duration = Duration::from_millis(400);

pub(crate) const PROGRAMS: &[Program] = &[
    ("f-r2d2-refused", || {
        let manager = r2d2_postgres::PostgresConnectionManager::new(
            postgres(service("REFUSED")).into(),
            tokio_postgres::NoTls,
        );
        let pool = r2d2::Pool::builder().connection_timeout(Duration::from_secs(1));
        match pool.build(manager) {
            Ok(_) => fail(&"connected"),
            Err(error) => fail(&error),
        }
    }),
    ("f-deadpool-silent", || {
        block_on(async {
            match pool(service("SILENT")).get().await {
                Ok(_) => fail(&"connected"),
                Err(error) => fail(&error),
            }
        });
    }),
    ("f-postgres-unreachable", || {
        block_on(async {
            let mut config = postgres(service("FULL"));
            config.connect_timeout(TIMEOUT);
            match config.connect(tokio_postgres::NoTls).await {
                Ok(_) => fail(&"connected"),
                Err(error) => fail(&error),
            }
        });
    }),
    ("f-redis-silent", || {
        let client = redis::Client::open(format!("redis://{}/", service("SILENT")));
        match client.and_then(|client| client.get_connection()) {
            Ok(_) => fail(&"connected"),
            Err(error) => fail(&error),
        }
    }),
    ("f-redis-manager", || {
        block_on(async {
            let client = redis::Client::open(format!("redis://{}/", service("REFUSED")));
            let client = client.expect("a client");
            let config = redis::aio::ConnectionManagerConfig::new().set_number_of_retries(3);
            match client.get_connection_manager_with_config(config).await {
                Ok(_) => fail(&"connected"),
                Err(error) => fail(&error),
            }
        });
    }),
    ("f-rumqttc-refused", || {
        block_on(async {
            let broker = service("REFUSED");
            let options = rumqttc::MqttOptions::new("zoo", broker.ip().to_string(), broker.port());
            let (_client, mut events) = rumqttc::AsyncClient::new(options, 10);
            for _ in 0..4 {
                events.poll().await.expect_err("nothing listens");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            fail(&"no broker");
        });
    }),
    ("f-nats-silent", || {
        block_on(async {
            // The server has to speak first, and no option of the client limits that.
            let connect = async_nats::connect(service("SILENT").to_string());
            match tokio::time::timeout(TIMEOUT, connect).await {
                Ok(_) => fail(&"connected"),
                Err(error) => fail(&error),
            }
        });
    }),
    ("f-hickory", || {
        block_on(async {
            let server = service("UDP");
            let servers =
                NameServerConfigGroup::from_ips_clear(&[server.ip()], server.port(), true);
            let config = ResolverConfig::from_parts(None, Vec::new(), servers);
            let mut options = ResolverOpts::default();
            options.timeout = TIMEOUT;
            options.attempts = 1;
            let provider = TokioConnectionProvider::default();
            let resolver = Resolver::builder_with_config(config, provider);
            let resolver = resolver.with_options(options).build();
            match resolver.lookup_ip("db.example.com.").await {
                Ok(_) => fail(&"found"),
                Err(error) => fail(&error),
            }
        });
    }),
    ("f-redb-locked", || {
        let directory = std::env::var("ZOO_DIR").expect("the directory of the bench");
        let path = std::path::Path::new(&directory).join("lock");
        for _ in 0..3 {
            if redb::Database::create(&path).is_ok() {
                fail(&"opened");
            }
            thread::sleep(Duration::from_millis(100));
        }
        fail(&"another process has the database");
    }),
    ("f-tonic-client", || {
        block_on(async {
            let endpoint =
                tonic::transport::Endpoint::from_shared(format!("http://{}", service("FULL")));
            let endpoint = endpoint.expect("an address").connect_timeout(TIMEOUT);
            match endpoint.connect().await {
                Ok(_) => fail(&"connected"),
                Err(error) => fail(&error),
            }
        });
    }),
    ("f-websocket-silent", || {
        block_on(async {
            let address = format!("ws://{}/", service("SILENT"));
            match tokio_tungstenite::connect_async(address).await {
                Ok(_) => fail(&"connected"),
                Err(error) => fail(&error),
            }
        });
    }),
];

fn postgres(server: SocketAddr) -> tokio_postgres::Config {
    let mut config = tokio_postgres::Config::new();
    config
        .host(server.ip().to_string())
        .port(server.port())
        .user("zoo");
    config.ssl_mode(tokio_postgres::config::SslMode::Disable);
    config
}

pub(crate) fn pool(server: SocketAddr) -> deadpool_postgres::Pool {
    let manager = deadpool_postgres::Manager::new(postgres(server), tokio_postgres::NoTls);
    let pool = deadpool_postgres::Pool::builder(manager).max_size(4);
    pool.build().expect("a pool")
}
