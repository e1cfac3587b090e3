//! The attribute below that of actix.

#[actix_web::main]
#[daemon::main(pid = "{name}.pid", log = "{name}.log", ready = "listening")]
async fn main() -> std::io::Result<()> {
    runtimes::actix::serve().await
}
