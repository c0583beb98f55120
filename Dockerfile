# alertd in one image: embedded database and broker, nothing else to start.
#
#   docker build -t alertd .
#   docker run -p 8080:8080 -p 1883:1883 -v alertd:/var/lib/alertd alertd
#
# A mirror for either is named at the build: --build-arg PYTHON_IMAGE=… --build-arg PIP_INDEX_URL=…
ARG PYTHON_IMAGE=python:3.11-slim

FROM ${PYTHON_IMAGE} AS build
ARG PIP_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
RUN python3 -m venv /opt/alertd
COPY requirements/run.lock requirements/run.lock
RUN /opt/alertd/bin/python -m pip install --require-hashes --only-binary :all: -r requirements/run.lock
COPY pyproject.toml README.md LICENSE ./
COPY alertd alertd
COPY channels channels
COPY config config
COPY drills drills
COPY rosters rosters
RUN /opt/alertd/bin/python -m pip install --no-build-isolation --no-deps --no-index .

FROM ${PYTHON_IMAGE}
RUN useradd --uid 10001 --home-dir /var/lib/alertd --create-home --shell /usr/sbin/nologin alertd \
    && chmod 700 /var/lib/alertd
COPY --from=build /opt/alertd /opt/alertd
ENV PATH=/opt/alertd/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ALERTD_DATA_DIR=/var/lib/alertd \
    ALERTD_HOST=0.0.0.0 \
    ALERTD_PORT=8080 \
    ALERTD_BROKER_HOST=0.0.0.0 \
    ALERTD_BROKER_PORT=1883
USER alertd
WORKDIR /var/lib/alertd
VOLUME /var/lib/alertd
EXPOSE 8080 1883
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-m", "alertd.beside"]
ENTRYPOINT ["alertd"]
CMD ["serve"]
