//! Starts that succeed, on a runtime.

use std::future::pending;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

use crate::Shape;
use crate::world::{ask_async, listener_async, ms, serve_async, service, thread, threads, tick};

pub(crate) const SHAPES: &[Shape] = &[
    ("tokio-mt", || threads().block_on(serve_new())),
    ("tokio-ct", || thread().block_on(serve_new())),
    ("tokio-mt-int", || threads().block_on(serve_and_tick(1000))),
    ("tokio-ct-int", || thread().block_on(serve_and_tick(1000))),
    ("tokio-mt-int100", || {
        threads().block_on(serve_and_tick(100))
    }),
    ("tokio-agent60", || threads().block_on(tick(ms(60_000)))),
    ("tokio-agent1", || threads().block_on(tick(ms(1000)))),
    ("tokio-agent-conn", || {
        threads().block_on(async {
            let mut server = ask_async(service("DATABASE")).await.expect("an answer");
            server.read_exact(&mut [0; 1]).await.ok();
        });
    }),
    ("tokio-signal", || {
        threads().block_on(async { drop(tokio::signal::ctrl_c().await) })
    }),
    ("tokio-pool", || {
        threads().block_on(async {
            let mut pool = Vec::new();
            while pool.len() < 4 {
                match ask_async(service("DATABASE")).await {
                    Ok(connection) => pool.push(connection),
                    Err(_) => sleep(ms(100)).await,
                }
            }
            tokio::spawn(tick(ms(30_000)));
            serve_new().await;
        });
    }),
    ("tokio-pool-retry", || {
        threads().block_on(async {
            let listener = listener_async().await;
            let mut servers = ["REFUSED", "REFUSED", "DATABASE"].into_iter();
            while let Some(server) = servers.next() {
                if ask_async(service(server)).await.is_err() {
                    sleep(ms(100)).await;
                }
            }
            serve_async(listener).await;
        });
    }),
    ("longpoll", || {
        threads().block_on(async {
            let mut server = ask_async(service("DATABASE")).await.expect("an answer");
            server.write_all(b"GET\n").await.expect("sent");
            server.read_exact(&mut [0; 1]).await.ok();
            pending::<()>().await;
        });
    }),
    ("axum", || {
        threads().block_on(async {
            let hello = axum::routing::get(async || "hello");
            let app = axum::Router::new().route("/", hello);
            axum::serve(listener_async().await, app)
                .await
                .expect("served");
        });
    }),
    ("actix", || {
        actix_web::rt::System::new().block_on(async {
            let server = actix_web::HttpServer::new(actix_web::App::new).workers(2);
            server
                .bind("127.0.0.1:0")
                .expect("a socket")
                .run()
                .await
                .expect("served");
        });
    }),
    ("smol", || smol::block_on(serve_with_smol())),
    ("smol-int", || {
        smol::block_on(async {
            let ticks = smol::spawn(async {
                loop {
                    smol::Timer::after(ms(1000)).await;
                }
            });
            ticks.detach();
            serve_with_smol().await;
        });
    }),
    ("async-std", || {
        async_std::task::block_on(async {
            let listener = async_std::net::TcpListener::bind("127.0.0.1:0").await;
            let listener = listener.expect("a socket");
            loop {
                drop(listener.accept().await);
            }
        });
    }),
    ("mio-timers", || {
        let mut poll = mio::Poll::new().expect("epoll");
        let mut events = mio::Events::with_capacity(9);
        let address = "127.0.0.1:0".parse().expect("an address");
        let mut listener = mio::net::TcpListener::bind(address).expect("a socket");
        let (token, interest) = (mio::Token(0), mio::Interest::READABLE);
        poll.registry()
            .register(&mut listener, token, interest)
            .expect("registered");
        loop {
            poll.poll(&mut events, Some(ms(250))).ok();
        }
    }),
    ("uring", || {
        tokio_uring::start(async {
            let address = "127.0.0.1:0".parse().expect("an address");
            let listener = tokio_uring::net::TcpListener::bind(address).expect("a socket");
            loop {
                drop(listener.accept().await);
            }
        });
    }),
];

async fn serve_new() {
    serve_async(listener_async().await).await;
}

async fn serve_and_tick(milliseconds: u64) {
    tokio::spawn(tick(ms(milliseconds)));
    serve_new().await;
}

async fn serve_with_smol() {
    let listener = smol::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a socket");
    loop {
        drop(listener.accept().await);
    }
}
