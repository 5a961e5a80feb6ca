# syntax=docker/dockerfile:1
FROM python:3.13-slim AS build
WORKDIR /build
COPY requirements.lock ./
RUN python -m venv /opt/threadpaint \
 && /opt/threadpaint/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY adapters adapters
COPY storage storage
RUN python -m pip install --no-cache-dir build \
 && python -m build --wheel \
 && /opt/threadpaint/bin/pip install --no-cache-dir --no-deps dist/*.whl

FROM python:3.13-slim
# PYTHONSAFEPATH: a folder named bot or storage beside us must not be imported instead of ours.
ENV PYTHONSAFEPATH=1 PYTHONUNBUFFERED=1 PATH=/opt/threadpaint/bin:$PATH DATA_DIR=/data
COPY --from=build /opt/threadpaint /opt/threadpaint
RUN useradd --uid 10001 --no-create-home threadpaint && install -d -o threadpaint /data
USER threadpaint
WORKDIR /data
VOLUME /data
# A stop waits for the pictures under way: give it --stop-timeout 150.
STOPSIGNAL SIGTERM
ENTRYPOINT ["threadpaint"]
CMD ["run"]
