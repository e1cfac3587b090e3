//! Programs that start well.

use std::net::UdpSocket;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tonic::transport::Server;
use warp::Filter;

use crate::{Program, block_on, service};

pub(crate) const PROGRAMS: &[Program] = &[
    ("tonic-server", || {
        block_on(async {
            let (_reporter, health) = tonic_health::server::health_reporter();
            let address = "127.0.0.1:0".parse().expect("an address");
            let server = Server::builder().add_service(health);
            server.serve(address).await.expect("served");
        });
    }),
    ("rouille", || {
        rouille::start_server("127.0.0.1:0", |_request| rouille::Response::text("hello"));
    }),
    ("warp", || {
        block_on(async {
            let hello = warp::any().map(|| "hello");
            warp::serve(hello).run(([127, 0, 0, 1], 0)).await;
        });
    }),
    ("deadpool-warp", || {
        block_on(async {
            let pool = crate::failing::pool(service("POSTGRES"));
            let first = pool.get().await.expect("a connection");
            drop(first);
            let hello = warp::any().map(|| "hello");
            warp::serve(hello).run(([127, 0, 0, 1], 0)).await;
        });
    }),
    ("rumqttc", || {
        block_on(async {
            let broker = service("MQTT");
            let mut options =
                rumqttc::MqttOptions::new("zoo", broker.ip().to_string(), broker.port());
            options.set_keep_alive(Duration::from_secs(30));
            let (client, mut events) = rumqttc::AsyncClient::new(options, 10);
            let quality = rumqttc::QoS::AtMostOnce;
            client.subscribe("hello", quality).await.expect("queued");
            while events.poll().await.is_ok() {}
        });
    }),
    ("async-nats", || {
        block_on(async {
            let client = async_nats::connect(service("NATS").to_string()).await;
            let client = client.expect("a connection");
            let _messages = client.subscribe("hello").await.expect("a subscription");
            std::future::pending::<()>().await;
        });
    }),
    ("redis-worker", || {
        block_on(async {
            let client = redis::Client::open(format!("redis://{}/", service("REDIS")));
            let client = client.expect("a client");
            let manager = client.get_connection_manager().await;
            let _manager = manager.expect("a connection");
            tokio::signal::ctrl_c().await.ok();
        });
    }),
    ("game-server", || {
        use renet_netcode::{NetcodeServerTransport, ServerAuthentication, ServerConfig};
        const TICK: Duration = Duration::from_millis(16);
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let mut server = renet::RenetServer::new(renet::ConnectionConfig::default());
        let config = ServerConfig {
            current_time: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
            max_clients: 64,
            protocol_id: 7,
            public_addresses: vec![socket.local_addr().expect("its address")],
            authentication: ServerAuthentication::Unsecure,
        };
        let mut transport = NetcodeServerTransport::new(config, socket).expect("a transport");
        let mut last = Instant::now();
        loop {
            let passed = last.elapsed();
            last = Instant::now();
            server.update(passed);
            transport.update(passed, &mut server).ok();
            transport.send_packets(&mut server);
            thread::sleep(TICK);
        }
    }),
    ("file-watcher", || {
        let (sender, receiver) = mpsc::channel();
        let mut watcher =
            notify_debouncer_full::new_debouncer(Duration::from_secs(2), None, sender)
                .expect("a watcher");
        let mode = notify_debouncer_full::notify::RecursiveMode::NonRecursive;
        watcher.watch(std::env::temp_dir(), mode).expect("watched");
        receiver.into_iter().for_each(drop);
    }),
    ("tokio-cron", || {
        block_on(async {
            use tokio_cron_scheduler::{Job, JobScheduler};
            let scheduler = JobScheduler::new().await.expect("a scheduler");
            let job = Job::new_async("0 0 * * * *", |_, _| Box::pin(async {}));
            scheduler.add(job.expect("a job")).await.expect("added");
            scheduler.start().await.expect("started");
            tokio::signal::ctrl_c().await.ok();
        });
    }),
    ("clokwerk", || {
        use clokwerk::{Scheduler, TimeUnits};
        let mut scheduler = Scheduler::new();
        scheduler.every(10.minutes()).run(|| {});
        let _watcher = scheduler.watch_thread(Duration::from_millis(100));
        loop {
            thread::park();
        }
    }),
];
