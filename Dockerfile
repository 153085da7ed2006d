FROM python:3.12-slim

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PAIGONG_DATA_DIR=/data

RUN useradd --system --uid 10001 --create-home paigong \
    && install -d -o paigong -g paigong /data

WORKDIR /srv/paigong
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY . .
# Editable: the migrations lie beside the packages and are found from there.
RUN pip install --no-cache-dir --no-deps -e . && python -m compileall -q app dispatch routing

# The planner's kernels are compiled here, never in a user's request. They are kept by the name of
# the processor: a fixed one, since the image runs on other hosts than it is built on.
ENV PAIGONG_KERNELS=/srv/kernels \
    NUMBA_CPU_NAME=generic \
    NUMBA_CPU_FEATURES=
RUN install -d -o paigong -g paigong /srv/kernels
USER paigong
RUN python -m dispatch.search
VOLUME /data
EXPOSE 8000
CMD ["uvicorn", "--factory", "app.main:create_app", "--host", "0.0.0.0", "--port", "8000", "--timeout-graceful-shutdown", "3"]
