"""Fills an empty MiniStack with what the tests reach for, and prints the ids as one JSON object."""

import json
import sys

import boto3

iam, s3, ecr, eks, secrets, sts = (
    boto3.client(name) for name in ("iam", "s3", "ecr", "eks", "secretsmanager", "sts")
)
account = sts.get_caller_identity()["Account"]
services = ["s3:*", "ecr:*", "eks:*", "secretsmanager:*"]


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions):
    return {"Effect": "Allow", "Action": actions, "Resource": "*"}


def user(name, *statements):
    iam.create_user(UserName=name)
    if statements:
        iam.put_user_policy(UserName=name, PolicyName="rights", PolicyDocument=document(*statements))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]}


def role(name, principal, actions, condition=None):
    trust = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
    if condition:
        trust["Condition"] = condition
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="rights", PolicyDocument=document(allow(actions)))
    return arn


alice = f"arn:aws:iam::{account}:user/alice"
mallory = f"arn:aws:iam::{account}:user/mallory"
world = {
    "account": account,
    "alice": user("alice", allow([*services, "sts:*", "iam:SimulatePrincipalPolicy"])),
    "mallory": user("mallory"),
    "data_role": role("data-role", alice, [*services, "sts:AssumeRole"]),
    "external_role": role(
        "external-role", alice, services, {"StringEquals": {"sts:ExternalId": "external-1"}}
    ),
    "closed_role": role("closed-role", mallory, services),
}
world["chained_role"] = role("chained-role", world["data_role"], services)

world["buckets"] = ["bkt-one", "bkt-two"]
for bucket in world["buckets"]:
    s3.create_bucket(Bucket=bucket)
    for key in ("hello.txt", "team-a/one.txt", "team-b/two.txt"):
        s3.put_object(Bucket=bucket, Key=key, Body=f"{bucket}/{key}\n".encode())

world["repositories"] = ["team/app", "team/db"]
for name in world["repositories"]:
    ecr.create_repository(repositoryName=name)

world["cluster"] = "demo"
eks.create_cluster(
    name=world["cluster"],
    roleArn=world["data_role"],
    resourcesVpcConfig={"subnetIds": [], "securityGroupIds": []},
)
world["secret"] = secrets.create_secret(Name="app/database", SecretString="kept-in-secrets-manager")["ARN"]

json.dump(world, sys.stdout)
