struct Server;

impl Server {
    #[daemon::main]
    fn main(&self) {}
}

fn main() {
    Server.main();
}
