// What `#[rocket::launch]` makes of `#[rocket::launch] #[daemon::main] fn rocket() -> Rocket`.
struct Rocket;

#[daemon::main]
fn rocket() -> Rocket {
    Rocket
}

fn main() {
    rocket();
}
