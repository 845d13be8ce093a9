"""Bad inputs of addresses in object stores: addresses that are none, stores that do not answer."""

from tests.hostile.row import Row

TRAIN = ["train", "debug", "engine=local", "--out"]
NOBODY = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:{closed_port}",
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_EC2_METADATA_DISABLED": "true",
}
NO_ANSWER = r"s3://bucket/a: the store does not answer; see that this machine reaches it"
NO_STORE = r"is no address of a store that is known; write s3://BUCKET/FOLDER"
SECRET = r"holds a user name, a password or a token, .*; export AWS_ACCESS_KEY_ID"

ROWS = [
    *(
        Row([*TRAIN, address], NO_STORE)
        for address in ("http://host/a", "hdfs://host/a", "file:///a", "s3a://bucket/a")
    ),
    *(Row([*TRAIN, address], r"names no bucket; write") for address in ("s3://", "gs:///a")),
    *(Row([*TRAIN, address], r"that no store allows; write") for address in ("s3://B/a", "s3://a b/c", "s3://../a")),
    *(Row([*TRAIN, address], r"but no folder in it; write") for address in ("s3://bucket", "gs://bucket/")),
    *(
        Row([*TRAIN, f"s3://bucket/{folder}"], r"letters, digits")
        for folder in ("a//b", "../a", "a b", "a\n", "é", "?x")
    ),
    Row([*TRAIN, "s3://bucket/" + "a" * 5000], r"more than 900 bytes; write"),
    Row([*TRAIN, "s3://key:sesame@bucket/a"], rf"address s3://\.\.: {SECRET}"),
    Row([*TRAIN, "s3://bucket/a?secret_key=sesame"], SECRET),
    Row([*TRAIN, "s3://bucket/a"], NO_ANSWER, env=NOBODY),
    Row([*TRAIN, "s3://bucket/a"], NO_ANSWER, env={**NOBODY, "AWS_ENDPOINT_URL": "http://127.0.0.1:{silent_port}"}),
    Row([*TRAIN, "s3://bucket/a"], r"AWS_ENDPOINT_URL: is no address of a store", env={"AWS_ENDPOINT_URL": "host:9"}),
    Row(["train", "--resume", "s3://bucket/a"], NO_ANSWER, env=NOBODY),
    Row(["train", "debug", "--resume-or-start", "s3://bucket/a"], NO_ANSWER, env=NOBODY),
    Row(["train", "debug", "engine=local", "--weights", "s3://bucket/a"], NO_ANSWER, env=NOBODY),
    Row(
        ["train", "debug", "--seeds", "0,1", "--out", "s3://bucket/a"], r"not an address in shared storage; train each"
    ),
    Row(["evaluate", "s3://bucket/a"], NO_ANSWER, env=NOBODY),
    Row(["evaluate", "http://host/a"], NO_STORE),
    Row(["tune", "tune_demo", "--out", "s3://bucket/a"], r"is an address, .* folder; name a folder by its path"),
    Row(
        ["submit", "tune_demo", "--out", "s3://bucket/a"], r"is an address, and a study writes a folder; name a folder"
    ),
    Row(["submit", "debug", "--out", "s3://bucket"], r"but no folder in it; write"),
]
