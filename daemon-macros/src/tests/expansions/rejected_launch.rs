#[daemon::main]
#[rocket::launch]
fn rocket() -> _ {
    rocket::build()
}

// expands to

::core::compile_error! {
    "use `#[rocket::main] async fn main` instead of `#[rocket::launch]`"
}
#[rocket::launch]
fn rocket() -> _ {
    rocket::build()
}
