# syntax=docker/dockerfile:1
FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY requirements.lock requirements-build.lock ./
RUN python -m venv /opt/threadpaint \
 && /opt/threadpaint/bin/pip install --require-hashes -r requirements.lock \
 && pip install --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY adapters adapters
COPY storage storage
RUN pip wheel --no-index --no-deps --no-build-isolation --wheel-dir dist . \
 && /opt/threadpaint/bin/pip install --no-index --no-deps dist/*.whl

FROM python:3.13-slim
# PYTHONSAFEPATH: a folder named bot or storage beside us must not be imported instead of ours.
ENV PYTHONSAFEPATH=1 PYTHONUNBUFFERED=1 PATH=/opt/threadpaint/bin:$PATH DATA_DIR=/data
COPY --from=build /opt/threadpaint /opt/threadpaint
RUN useradd --uid 10001 --no-create-home threadpaint && install -d -m 700 -o threadpaint /data
USER threadpaint
WORKDIR /data
VOLUME /data
# A stop waits for the pictures under way: give it --stop-timeout 150.
STOPSIGNAL SIGTERM
ENTRYPOINT ["threadpaint"]
CMD ["run"]
