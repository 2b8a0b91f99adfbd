#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# kafka.sh [VERSION] - print the directory of an Apache Kafka, server and tools: libs/ with
# the jars, formatted/ with the empty data directory of a node. Fetched once, through Maven,
# into the cache (50 MB). The tests start their brokers from there.
set -euo pipefail
. "${0%/*}/lib.sh"

VERSION=${1:-3.9.1}
[[ $VERSION =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || die "'$VERSION' is not a version like 3.9.1"

# slf4j-simple logs to standard error; Kafka 3 brings another binding, which would win.
pom() {
	cat <<-POM
		<project xmlns="http://maven.apache.org/POM/4.0.0">
		  <modelVersion>4.0.0</modelVersion>
		  <groupId>postrider.test</groupId>
		  <artifactId>kafka</artifactId>
		  <version>1</version>
		  <packaging>pom</packaging>
		  <dependencies>
		    <dependency>
		      <groupId>org.apache.kafka</groupId>
		      <artifactId>kafka_2.13</artifactId>
		      <version>$VERSION</version>
		      <exclusions>
		        <exclusion>
		          <groupId>org.slf4j</groupId>
		          <artifactId>slf4j-reload4j</artifactId>
		        </exclusion>
		      </exclusions>
		    </dependency>
		    <dependency>
		      <groupId>org.apache.kafka</groupId>
		      <artifactId>kafka-tools</artifactId>
		      <version>$VERSION</version>
		      <exclusions>
		        <exclusion>
		          <groupId>org.slf4j</groupId>
		          <artifactId>slf4j-reload4j</artifactId>
		        </exclusion>
		      </exclusions>
		    </dependency>
		    <dependency>
		      <groupId>org.slf4j</groupId>
		      <artifactId>slf4j-simple</artifactId>
		      <version>1.7.36</version>
		    </dependency>
		  </dependencies>
		</project>
	POM
}

# Formatting takes as long as starting; the result does not name ports or paths, so that
# every node of the tests can begin with a copy of this one. The ports here are not opened.
format() {
	cat >"$1/server.properties" <<-PROPERTIES
		process.roles=broker,controller
		node.id=1
		controller.quorum.voters=1@127.0.0.1:9093
		listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093
		controller.listener.names=CONTROLLER
		log.dirs=$1/formatted
	PROPERTIES
	java -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp "$1/libs/*" kafka.tools.StorageTool format \
		-t cG9zdHJpZGVyLXRlc3Qtbw -c "$1/server.properties"
	rm "$1/server.properties"
}

fetch() {
	command -v mvn >/dev/null || die "mvn is missing: scripts/install-deps.sh test"
	say "fetching Apache Kafka $VERSION through Maven, once"
	pom >"$1/pom.xml"
	mvn -q -B --no-transfer-progress -Dstyle.color=never -f "$1/pom.xml" \
		dependency:copy-dependencies -DoutputDirectory="$1/libs"
	rm "$1/pom.xml"
	format "$1"
}

cache_obtain "kafka-$VERSION" fetch
